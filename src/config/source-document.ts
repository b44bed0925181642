import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { isFaithful } from '../rules/json-scan.ts';
import { interpolate } from './interpolate.ts';
import type { SourcePosition } from './model.ts';
import type { Problem } from './problem.ts';
import { layered } from './profiles.ts';
import { didYouMean } from './suggest.ts';
import { type Silenced, silencedBy, type WarningCode, warnings } from './warnings.ts';
import { syntaxProblem } from './yaml-errors.ts';

export type Path = readonly PropertyKey[];

/** Values after expanding aliases: a few nested ones could otherwise fill the memory. */
const MAX_NODES = 100_000;

interface Offsets {
  /** Offset of the key; for an element of a sequence, of the element. */
  readonly key: number;
  readonly value: number;
  /** Offset of the first character of a text that is verbatim in the source; undefined for other values. */
  readonly text: number | undefined;
}

export interface Finding {
  readonly message: string;
  readonly hint: string;
  /** A warning instead of an error. */
  readonly warning?: WarningCode | undefined;
  /** Offset in the text of the value. */
  readonly offset?: number | undefined;
  /** Points at the key instead of the value. */
  readonly atKey?: boolean;
}

export interface SourceOptions {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  /** The file may have profiles, and this one is laid over it. Absent: `profiles` is a key like any other. */
  readonly profiles?: { readonly chosen: string | undefined };
}

/**
 * A YAML file: its value with environment variables substituted, and the position of each path in it. A profile is laid
 * over the file first: what it says has its position in the profile.
 */
export class SourceDocument {
  readonly file: string;
  /** The names of its profiles. */
  readonly profiles: readonly string[];
  /** Objects without a prototype, so that no key is inherited. `undefined` after a syntax error. */
  readonly value: unknown;
  readonly problems: Problem[] = [];
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #offsets = new Map<string, Offsets>();
  /** Paths whose value could not be read: already reported, so further reports are dropped. */
  readonly #broken = new Set<string>();
  readonly #silenced: Silenced;
  readonly #env: NodeJS.ProcessEnv;
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(text: string, { file, env, profiles }: SourceOptions) {
    this.file = file;
    this.#text = text;
    this.#env = env;
    this.#silenced = silencedBy(text);
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const isSound = this.#reportSyntax(document);
    this.#reportUnknownCodes();
    const laid = profiles === undefined || !isSound ? undefined : layered(document, profiles.chosen);
    this.profiles = laid?.names ?? [];
    for (const { at, message, hint } of laid?.faults ?? []) this.#push(this.#positionAt(at), { message, hint });
    const root = isSound ? this.#read(document, laid === undefined ? document.contents : laid.root, []) : undefined;
    // A file with everything commented out is empty, not invalid.
    this.value = root === null ? {} : root;
  }

  /** The position of a value or its key. For a missing path, the position of its nearest existing ancestor. */
  positionOf(path: Path, { atKey = false, offset }: Pick<Finding, 'atKey' | 'offset'> = {}): SourcePosition {
    for (let length = path.length; length >= 0; length--) {
      const offsets = this.#offsets.get(keyOf(path.slice(0, length)));
      if (offsets === undefined) continue;
      // A missing key is reported at its parent's key.
      if (atKey || length < path.length) return this.#positionAt(offsets.key);
      const isWithin = offset !== undefined && offsets.text !== undefined;
      return this.#positionAt(isWithin ? offsets.text + offset : offsets.value);
    }
    return this.#positionAt(0);
  }

  report(path: Path, { message, hint, warning, offset, atKey = false }: Finding): void {
    if (this.#broken.has(keyOf(path))) return;
    const position = this.positionOf(path, { atKey, offset });
    this.#push(position, { message, hint, warning });
  }

  /** Reports, and drops further reports for that path. */
  refuse(path: Path, finding: Finding): void {
    this.report(path, finding);
    this.#break(path);
  }

  #push(position: SourcePosition, { message, hint, warning }: Pick<Finding, 'message' | 'hint' | 'warning'>): void {
    if (warning !== undefined && this.#silenced.has(position.line, warning)) return;
    const kind =
      warning === undefined ? { severity: 'error' as const } : { severity: 'warning' as const, code: warning };
    this.problems.push({ ...position, message, hint, ...kind, excerpt: this.#excerpt(position.line) });
  }

  #reportUnknownCodes(): void {
    for (const { code, offset } of this.#silenced.unknown) {
      const hint = didYouMean(code, Object.keys(warnings));
      this.#push(this.#positionAt(offset), {
        message: `unknown warning code "${code}"`,
        hint,
        warning: 'unknown-ignore',
      });
    }
  }

  #positionAt(offset: number): SourcePosition {
    const { line, col } = this.#lines.linePos(offset);
    // The counter has no line for an empty file.
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  #excerpt(line: number): string {
    const start = this.#lines.lineStarts[line - 1] ?? 0;
    return withoutSecrets(/[^\r\n]*/.exec(this.#text.slice(start))?.[0] ?? '');
  }

  /** @returns whether the document can be read despite the errors */
  #reportSyntax(document: Document): boolean {
    const lines = new Set<number>();
    let isSound = true;
    for (const error of [...document.errors, ...document.warnings]) {
      const position = this.#positionAt(error.pos[0]);
      const { message, hint, isFatal } = syntaxProblem(error.code, error.message, this.#excerpt(position.line));
      isSound &&= !isFatal;
      // One mistake can cause several errors on a line; report only the first.
      if (lines.has(position.line)) continue;
      lines.add(position.line);
      this.#push(position, { message, hint });
    }
    return isSound;
  }

  #read(document: Document, node: Node | null, path: Path, key?: number): unknown {
    const start = node?.range?.[0] ?? key ?? 0;
    this.#offsets.set(keyOf(path), { key: key ?? start, value: start, text: undefined });
    if (++this.#nodes > MAX_NODES) {
      if (this.#nodes === MAX_NODES + 1) {
        this.report(path, {
          message: 'the aliases expand to too many values',
          hint: `use at most ${MAX_NODES} values`,
        });
      }
      return this.#break(path);
    }
    if (isAlias(node)) return this.#readAlias(document, node.resolve(document), path, key);
    if (isScalar(node)) {
      if (typeof node.value === 'number') return exactly(node.value, node.source);
      return typeof node.value === 'string' ? this.#readText(node.value, start, path, key ?? start) : node.value;
    }
    if (node === null) return null;
    this.#open.add(node);
    const value = isMap(node) ? this.#readMap(document, node.items, path) : this.#readList(document, node, path);
    this.#open.delete(node);
    return value;
  }

  #readAlias(document: Document, target: Node | undefined, path: Path, key: number | undefined): unknown {
    if (target !== undefined && !this.#open.has(target)) return this.#read(document, target, path, key);
    this.report(path, {
      message: target === undefined ? 'no anchor of this name before the alias' : 'this alias is inside its own anchor',
      hint: 'put text that starts with "*" in quotes',
    });
    return this.#break(path);
  }

  #readMap(document: Document, pairs: readonly { key: unknown; value: unknown }[], path: Path): unknown {
    const value: Record<string, unknown> = Object.create(null);
    for (const { key, value: inner } of pairs) {
      const start = (key as Node | null)?.range?.[0] ?? 0;
      const name = isScalar(key) && key.value !== null ? String(key.value) : undefined;
      if (name === undefined || name === '__proto__') {
        const message = name === undefined ? 'a key must be a word' : `"${name}" cannot be a key`;
        this.#push(this.#positionAt(start), { message, hint: 'put text with "{" or "[" in quotes' });
        continue;
      }
      value[name] = this.#read(document, inner as Node | null, [...path, name], start);
    }
    return value;
  }

  #readList(document: Document, node: Node, path: Path): unknown {
    const elements: readonly unknown[] = isSeq(node) ? node.items : [];
    return elements.map((element, i) => this.#read(document, element as Node | null, [...path, i]));
  }

  #readText(text: string, start: number, path: Path, key: number): unknown {
    const { value, problems } = interpolate(text, this.#env);
    // Quotes, escapes and folded lines shift offsets. In that case, point to the start of the value.
    const first = /["']/.test(this.#text[start] ?? '') ? start + 1 : start;
    const isVerbatim = this.#text.startsWith(text, first);
    if (isVerbatim && value === text) this.#offsets.set(keyOf(path), { key, value: start, text: first });
    if (problems.length === 0) return value;
    for (const { offset, message, hint } of problems) {
      this.#push(this.#positionAt(isVerbatim ? first + offset : start), { message, hint });
    }
    return this.#break(path);
  }

  #break(path: Path): undefined {
    this.#broken.add(keyOf(path));
    return undefined;
  }
}

/** A number that a double cannot represent, as written: such ids are compared as text. */
function exactly(value: number, literal: string | undefined): number | string {
  if (literal === undefined || Number.isSafeInteger(value)) return value;
  if (/^[-+]?[0-9]+$/.test(literal) || /^0[xo]/.test(literal)) return String(BigInt(literal));
  // JSON has no ".5", ".inf" or "+1.5".
  return /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/.test(literal) && !isFaithful(literal)
    ? literal
    : value;
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** Problems appear in build logs, so tokens and passwords in URLs are masked. */
function withoutSecrets(line: string): string {
  return line
    .replace(/(\b(?:token|authorization|cookie|[\w-]*(?:key|secret|token))["']?\s*:\s*)(?!["']?\$\{\w+\})\S.*/i, '$1…')
    .replace(/(\/\/)[^/@\s]+@/g, '$1…@');
}
