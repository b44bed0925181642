/** Header fields as they stood on the wire: name, value, name, value, … (the shape of Node's `rawHeaders`). */
export type FieldLines = readonly string[];

/**
 * A read-only view of header fields: case-insensitive look-up over the raw lines, which are kept as they came so that
 * what is forwarded is what was received.
 */
export class Fields {
  readonly lines: FieldLines;
  #index: Map<string, string> | undefined;

  constructor(lines: FieldLines) {
    this.lines = lines;
  }

  /** The combined value of repeated lines, see `joined`. Absent: undefined. `name` in lower case. */
  get(name: string): string | undefined {
    return this.#indexed().get(name);
  }

  has(name: string): boolean {
    return this.#indexed().has(name);
  }

  /** Each line's value by itself, for fields that must not be joined (`Set-Cookie`) or must not repeat (`Host`). */
  all(name: string): string[] {
    const values: string[] = [];
    for (let i = 0; i < this.lines.length; i += 2) {
      if ((this.lines[i] as string).toLowerCase() === name) values.push(this.lines[i + 1] as string);
    }
    return values;
  }

  /** The lower-cased names present, each once. */
  names(): Iterable<string> {
    return this.#indexed().keys();
  }

  #indexed(): Map<string, string> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, string>();
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

/**
 * Two lines of one field as one value: by ", " (RFC 9110 §5.3). Cookies by "; " (RFC 6265 §5.4, RFC 9113 §8.2.3): behind a comma
 * no cookie of the second line would be found, and its user would be taken for nobody.
 */
function joined(name: string, earlier: string, value: string): string {
  return name === 'cookie' ? `${earlier}; ${value}` : `${earlier}, ${value}`;
}
