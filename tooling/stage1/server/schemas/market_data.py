"""What answers about bars look like."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stage1.server.schemas.pages import Page, Price, Time

# The form that clients of the former endpoint read.
IsoTime = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2024-01-15T23:59:00+00:00"])]


class SymbolRow(BaseModel):
    """What there is of one symbol."""

    symbol: str = Field(examples=["ESH3"])
    timeframe: Literal["1m"]
    vendor: str = Field(examples=["databento"])
    row_count: int
    min_ts: Time | None
    max_ts: Time | None
    latest_ts: Time | None
    latest_close: Price | None


class Bar(BaseModel):
    """One minute of one symbol."""

    ts: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: int | None = Field(examples=[1250])


class BarPage(Page[Bar]):
    """Bars in the order of time."""

    symbol: str = Field(examples=["ESH3"])


class Stats(BaseModel):
    """Count, span and latest close of one symbol; of one without bars with a message."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "row_count": 50000,
                    "min_ts": "2024-01-01T00:00:00+00:00",
                    "max_ts": "2024-01-15T23:59:00+00:00",
                    "latest_close": 16234.5,
                    "latest_ts": "2024-01-15T23:59:00+00:00",
                    "symbol": "CME_MINI:MNQ1!",
                    "timeframe": "1m",
                    "vendor": "databento",
                },
                {
                    "row_count": 0,
                    "min_ts": None,
                    "max_ts": None,
                    "latest_close": None,
                    "latest_ts": None,
                    "symbol": "CME_MINI:MNQ1!",
                    "timeframe": "1m",
                    "vendor": "databento",
                    "message": "No data ingested yet",
                },
            ]
        }
    )

    row_count: int
    min_ts: IsoTime | None
    max_ts: IsoTime | None
    latest_close: float | None = Field(description="A JSON number, with every digit that is stored.")
    latest_ts: IsoTime | None
    symbol: str
    timeframe: Literal["1m"]
    vendor: str
    message: str = Field("", description="There where nothing has been ingested of the symbol, and nowhere else.")
