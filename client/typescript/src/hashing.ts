/** The content hash of an example, the same in the database and in every client. */
import { sha256Hex } from "#sha256";

import { contentText } from "./canonical.js";

export { sha256Hex };

/** SHA-256 of the canonical content: 64 hexadecimal digits in lower case. */
export function contentHash(input: object, output?: object | null, metadata?: object | null): string {
  return sha256Hex(contentText(input, output, metadata));
}
