/*
 * JSON.stringify, but into octets that are there already: it makes texts, which a save of a million responses would
 * have collected as garbage while requests wait. The octets are the same.
 *
 * Each function returns where its value ends. That may be behind the end of the octets, which then have a part of it.
 */

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/** @param value without cycles, and without `toJSON` */
export function writeJson(value: unknown, octets: Buffer, at: number): number {
  switch (typeof value) {
    case 'string':
      return writeText(value, octets, at);
    case 'number':
      return writePlain(Number.isFinite(value) ? String(value) : 'null', octets, at);
    case 'boolean':
      return writePlain(value ? 'true' : 'false', octets, at);
    case 'object':
      if (value === null) return writePlain('null', octets, at);
      return Array.isArray(value) ? writeList(value, octets, at) : writeObject(value, octets, at);
    default:
      throw new TypeError(`a ${typeof value} cannot be written as JSON`);
  }
}

function writeObject(value: object, octets: Buffer, start: number): number {
  let at = start;
  octets[at++] = 0x7b;
  let isFirst = true;
  for (const name in value) {
    const part: unknown = value[name as keyof typeof value];
    if (part === undefined) continue;
    if (!isFirst) octets[at++] = COMMA;
    isFirst = false;
    at = writeText(name, octets, at);
    octets[at++] = COLON;
    at = writeJson(part, octets, at);
  }
  octets[at++] = 0x7d;
  return at;
}

function writeList(values: readonly unknown[], octets: Buffer, start: number): number {
  let at = start;
  octets[at++] = 0x5b;
  for (let i = 0; i < values.length; i++) {
    if (i > 0) octets[at++] = COMMA;
    at = writeJson(values[i], octets, at);
  }
  octets[at++] = 0x5d;
  return at;
}

function writeText(text: string, octets: Buffer, start: number): number {
  let at = start;
  octets[at++] = QUOTE;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === LINE_FEED) {
      // Cache keys have some.
      octets[at++] = BACKSLASH;
      octets[at++] = 0x6e;
      continue;
    }
    if (code < 0x20 || code > 0x7e) return writeEncoded(JSON.stringify(text), octets, start);
    if (code === QUOTE || code === BACKSLASH) octets[at++] = BACKSLASH;
    octets[at++] = code;
  }
  octets[at++] = QUOTE;
  return at;
}

/** What has to be escaped or takes several octets is rare. */
function writeEncoded(json: string, octets: Buffer, at: number): number {
  const end = at + Buffer.byteLength(json);
  if (end <= octets.length) octets.write(json, at);
  return end;
}

/** ASCII without quotes. */
function writePlain(text: string, octets: Buffer, start: number): number {
  for (let i = 0; i < text.length; i++) octets[start + i] = text.charCodeAt(i);
  return start + text.length;
}
