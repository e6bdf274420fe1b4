/**
 * SHA-256 (FIPS 180-4) where a browser is: its own makes everybody wait for each hash, and is missing on pages that came by http.
 *
 * Names contents, and keeps no secret: how long it takes may depend on the text.
 */

const encoder = new TextEncoder();
const words = new Int32Array(64);
const [START, ROUNDS] = constants();

/** The hash of a text in UTF-8: 64 hexadecimal digits in lower case. */
export function sha256Hex(text: string): string {
  const bytes = encoder.encode(text);
  const padded = new DataView(new ArrayBuffer(((bytes.length + 72) >> 6) << 6));
  const all = new Uint8Array(padded.buffer);
  all.set(bytes);
  all[bytes.length] = 0x80;
  padded.setUint32(all.length - 8, bytes.length / 2 ** 29);
  padded.setUint32(all.length - 4, bytes.length << 3);
  const state = START.slice();
  for (let at = 0; at < all.length; at += 64) mix(state, padded, at);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/* eslint-disable @typescript-eslint/no-non-null-assertion -- every place is within its array */
function mix(state: Int32Array, block: DataView, at: number): void {
  const w = words;
  for (let i = 0; i < 16; i += 1) w[i] = block.getInt32(at + i * 4);
  for (let i = 16; i < 64; i += 1) {
    const early = w[i - 15]!;
    const late = w[i - 2]!;
    const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
    const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
    w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i]! + w[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, place) => {
    state[place] = (state[place] ?? 0) + word;
  });
}

// The first bits behind the point of the square roots, and of the cube roots, of the first primes.
function constants(): [Int32Array, Int32Array] {
  const primes: number[] = [];
  for (let each = 2; primes.length < 64; each += 1) if (primes.every((prime) => each % prime)) primes.push(each);
  const bits = (root: number): number => ((root % 1) * 2 ** 32) | 0;
  const starts = Int32Array.from(primes.slice(0, 8), (prime) => bits(Math.sqrt(prime)));
  return [starts, Int32Array.from(primes, (prime) => bits(Math.cbrt(prime)))];
}
