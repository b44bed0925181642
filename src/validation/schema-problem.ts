import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

/** Why a schema or a description cannot be used, and where. */
export class SchemaProblem extends Error {
  override readonly name = 'SchemaProblem';
  /** Relative to the file that the configuration names; empty for that one. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly hint: string;

  constructor(
    message: string,
    hint: string,
    at: { readonly path: string; readonly line: number; readonly column: number },
  ) {
    super(message);
    this.hint = hint;
    this.path = at.path;
    this.line = at.line;
    this.column = at.column;
  }
}

/** A file with a schema, JSON or YAML. */
export class SchemaFile {
  readonly path: string;
  readonly text: string;
  readonly value: unknown;

  /** @throws SchemaProblem */
  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.value = this.#parse();
  }

  /** A problem at the value that the tokens of a JSON Pointer lead to. Positions are only looked for when needed. */
  problem(tokens: readonly string[], message: string, hint: string): SchemaProblem {
    const lines = new LineCounter();
    let node: unknown = parseDocument(this.text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
    }).contents;
    for (const token of tokens) {
      const next: unknown = isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && String(key.value) === token)?.value
        : isSeq(node)
          ? node.items[Number(token)]
          : undefined;
      if (next === undefined || next === null) break;
      node = next;
    }
    const { line, col } = lines.linePos((node as Node | null)?.range?.[0] ?? 0);
    return new SchemaProblem(message, hint, { path: this.path, line: Math.max(1, line), column: Math.max(1, col) });
  }

  #parse(): unknown {
    let position: string | undefined;
    if (/^\s*[{[]/.test(this.text)) {
      try {
        return JSON.parse(this.text) as unknown;
      } catch (error) {
        // What is refused here may still be YAML. If not, this position is the better one: for an open quote, the
        // parser of YAML names the end of the file.
        position = /at position (\d+)/.exec(String(error))?.[1];
      }
    }
    const lines = new LineCounter();
    const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
    const parsed = parseDocument(this.text, options);
    const [fault] = parsed.errors;
    if (fault === undefined) return parsed.toJS({ maxAliasCount: 1_000 }) as unknown;
    const { line, col } = lines.linePos(position === undefined ? fault.pos[0] : Number(position));
    const at = { path: this.path, line, column: col };
    throw new SchemaProblem(`it is neither JSON nor YAML: ${fault.message}`, 'correct that line', at);
  }
}
