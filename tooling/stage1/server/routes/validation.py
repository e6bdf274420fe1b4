"""What the last validations found."""

from fastapi import APIRouter
from starlette.responses import Response

from stage1.operations import validate
from stage1.server import paging
from stage1.server.answers import answer
from stage1.server.openapi import refusals
from stage1.server.schemas.validation import Validation
from stage1.server.serving import Served

router = APIRouter(prefix="/v1/validation", tags=["validation"])


@router.get(
    "",
    operation_id="show_validation",
    summary="Show the latest validation",
    response_model=Validation,
    responses=refusals(422),
)
def show_validation(served: Served, limit: paging.Limit = 50, cursor: paging.Cursor = None) -> Response:
    """The newest run of `stage1 validate` that asked every check, and the findings of each check as it was last answered.

    Nothing is asked anew; a run that asked a part of the checks leaves its findings here, too.
    """
    check, place = paging.key_of(cursor, paging.text, paging.whole)
    run, findings = validate.latest_validation(served.target, served.settings, limit + 1, check, place)
    return answer({"run": run, **paging.page(findings, limit, "check_name", "place")})
