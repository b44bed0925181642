import { hash } from 'node:crypto';

/**
 * Octets in memory of their own. Small buffers are cut from a pool of 8 KiB, and what zlib makes is cut from 16: a
 * single one that is kept keeps all of that.
 */
export function ownBytes(bytes: Buffer): Buffer {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  bytes.copy(own);
  return own;
}

/** A text of its own: what is cut from a text keeps the whole, such as a request's target with its query. */
export function ownText(text: string): string {
  if (text.length < SHORTEST_CUT) return text;
  const isPlain = isLatin1(text);
  if (isPlain && text.length <= room.byteLength) return room.toString('latin1', 0, room.write(text, 0, 'latin1'));
  const encoding = isPlain ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}

/** V8 copies what is shorter, when it cuts it from another text or joins it of others. */
const SHORTEST_CUT = 13;
/** Where texts are copied through: a buffer for each of them costs more than the copying. */
const room = Buffer.alloc(1_024);

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/**
 * Remembers so many things by a text, in two generations: what is not asked for while a generation fills is forgotten
 * with the next one.
 */
export class TwoGenerations<Value> {
  readonly #max: number;
  #current = new Map<string, Value>();
  #earlier = new Map<string, Value>();

  /** @param max of one generation */
  constructor(max: number) {
    this.#max = max;
  }

  recent(text: string): Value | undefined {
    return this.#current.get(text);
  }

  /** To be set again, or it is forgotten with its generation. */
  earlier(text: string): Value | undefined {
    return this.#earlier.get(text);
  }

  set(text: string, value: Value): void {
    if (this.#current.size >= this.#max) {
      this.#earlier = this.#current;
      this.#current = new Map();
    }
    this.#current.set(text, value);
  }
}

const MAX_SHARED = 8_192;
const MAX_SHARED_LENGTH = 64;
const shared = new TwoGenerations<string>(MAX_SHARED);

/**
 * A text of its own, and the same one for all who ask for it: many stored responses have the same names and values of
 * fields, and the same tags.
 */
export function sharedText(text: string): string {
  return shareText(text, ownText);
}

/** The same of a text that is one of its own already, as `JSON.parse` makes them. */
export function sharedParsed(text: string): string {
  return shareText(text, (own) => own);
}

function shareText(text: string, owned: (text: string) => string): string {
  if (text.length > MAX_SHARED_LENGTH) return owned(text);
  const recent = shared.recent(text);
  if (recent !== undefined) return recent;
  const known = shared.earlier(text) ?? owned(text);
  // By the text of its own: the other one may be cut from a longer one.
  shared.set(known, known);
  return known;
}

const MAX_NAME_LENGTH = 128;
/** In front of a digest: neither names nor values of fields hold it. */
const DIGEST = '\u0001';

/**
 * A name by which something long is known: itself, or a digest of it where it would fill the memory that remembers it.
 */
export function nameOf(text: string, maxLength = MAX_NAME_LENGTH): string {
  return text.length <= maxLength ? text : DIGEST + hash('sha256', text, 'base64url');
}

/** Whether `nameOf` made a digest: the text is not known. */
export const isDigest = (name: string): boolean => name.startsWith(DIGEST);
