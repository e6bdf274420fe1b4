/** SHA-256 where Node is. */
import crypto from "node:crypto";

// At once, and so in half the time, from Node 20.12 on.
const atOnce = (crypto as Partial<typeof crypto>).hash;

/** The hash of a text in UTF-8: 64 hexadecimal digits in lower case. */
export const sha256Hex: (text: string) => string = atOnce
  ? (text) => atOnce("sha256", text, "hex")
  : (text) => crypto.createHash("sha256").update(text, "utf8").digest("hex");
