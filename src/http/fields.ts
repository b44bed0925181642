/** Header fields as on the wire: name, value, name, value, … (the form of Node's `rawHeaders`). */
export type FieldLines = readonly string[];

/** Visits the lines in order. */
export function eachLine(lines: FieldLines, visit: (name: string, value: string) => void): void {
  for (let i = 0; i + 1 < lines.length; i += 2) visit(lines[i] as string, lines[i + 1] as string);
}

/** The lines without those that `dropped` selects. It gets names in lower case. */
export function without(lines: FieldLines, dropped: (name: string, value: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] as string;
    const value = lines[i + 1] as string;
    if (!dropped(name.toLowerCase(), value)) kept.push(name, value);
  }
  return kept;
}

/** The lines with other values. `value` gets names in lower case. */
export function withValues(lines: FieldLines, value: (name: string, value: string) => string): string[] {
  const changed: string[] = [];
  eachLine(lines, (name, earlier) => changed.push(name, value(name.toLowerCase(), earlier)));
  return changed;
}

/** Every value of a field. `wanted` is in lower case. */
export function valuesOf(lines: FieldLines, wanted: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] as string;
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(lines[i + 1] as string);
  }
  return values;
}

/** The lines as in a message head, each followed by CRLF. */
export function headText(lines: FieldLines): string {
  let text = '';
  eachLine(lines, (name, value) => {
    text += `${name}: ${value}\r\n`;
  });
  return text;
}

/** What ends a line, or what parsers read differently (RFC 9110 §5.5). Node refuses to send it. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether Node sends this value, one character for each octet. */
export function isFieldValue(value: string): boolean {
  return !unsendable.test(value);
}

/** The lines as pairs of a name and a value. */
export function pairs(lines: FieldLines): [name: string, value: string][] {
  const found: [string, string][] = [];
  eachLine(lines, (name, value) => found.push([name, value]));
  return found;
}

/**
 * The field that CGI, WSGI and similar interfaces mistake a name for (RFC 3875 §4.1.18): they read `X_Forwarded_For` as
 * `X-Forwarded-For`. undefined if the name is unambiguous.
 */
export function disguised(name: string): string | undefined {
  return /[^a-z0-9-]/.test(name) ? name.replace(/[^a-z0-9-]/g, '-') : undefined;
}

/** The values of each field, by its lower-case name. */
export function valuesByName(lines: FieldLines): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  eachLine(lines, (name, value) => {
    const lower = name.toLowerCase();
    const values = fields.get(lower);
    if (values === undefined) fields.set(lower, [value]);
    else values.push(value);
  });
  return fields;
}

/**
 * A read-only view of header fields with case-insensitive lookup. It keeps the raw lines, so that the gateway forwards
 * exactly what it received.
 */
export class Fields {
  readonly lines: FieldLines;
  #index: Map<string, string> | undefined = undefined;
  /** Look-ups before there is an index: many messages are asked for less than it would cost. */
  #lookUps = 0;

  constructor(lines: FieldLines) {
    this.lines = lines;
  }

  /** The combined value of repeated lines, see `joined`. Absent: undefined. `name` in lower case. */
  get(name: string): string | undefined {
    if (this.#index !== undefined) return this.#index.get(name);
    this.#lookUps += 1;
    const isSearched = this.#lookUps <= SEARCHES && this.lines.length <= SEARCHED_LINES;
    return isSearched ? combined(this.lines, name) : this.#indexed().get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every value separately, for fields that must not be joined (`Set-Cookie`) or repeated (`Host`). */
  all(name: string): string[] {
    return valuesOf(this.lines, name);
  }

  /** The names present, in lower case, without duplicates. */
  names(): Iterable<string> {
    return this.#indexed().keys();
  }

  #indexed(): Map<string, string> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, string>();
    // A loop of its own, and not `eachLine`: every hit looks up fields.
    for (let i = 0; i < this.lines.length; i += 2) {
      const name = (this.lines[i] as string).toLowerCase();
      const value = this.lines[i + 1] as string;
      const earlier = index.get(name);
      index.set(name, earlier === undefined ? value : joined(name, earlier, value));
    }
    this.#index = index;
    return index;
  }
}

const SEARCHES = 4;
/** With their values. Clients send as many as they like. */
const SEARCHED_LINES = 2 * 32;

function combined(lines: FieldLines, wanted: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] as string;
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    const next = lines[i + 1] as string;
    value = value === undefined ? next : joined(wanted, value, next);
  }
  return value;
}

/**
 * Joins two lines of one field, by ", " (RFC 9110 §5.3). Cookies are joined by "; " (RFC 6265 §5.4, RFC 9113 §8.2.3):
 * behind a comma no cookie of the second line would be found, and its user would be taken for nobody.
 */
function joined(name: string, earlier: string, value: string): string {
  return name === 'cookie' ? `${earlier}; ${value}` : `${earlier}, ${value}`;
}
