/** The text between placeholders, or inside the braces of one. */
export interface RawPiece {
  readonly kind: 'literal' | 'placeholder';
  readonly text: string;
  /** Of the first character; for a placeholder, of its opening brace. */
  readonly offset: number;
}

export interface TextFault {
  readonly message: string;
  readonly hint: string;
  readonly offset: number;
}

/** Splits a template at its placeholders. Braces inside brackets or quotes belong to the JSONPath. */
export function splitTemplate(text: string): { pieces: RawPiece[]; fault: TextFault | undefined } {
  const pieces: RawPiece[] = [];
  let from = 0;
  for (;;) {
    const open = text.indexOf('{', from);
    const literal = open < 0 ? text.slice(from) : text.slice(from, open);
    const stray = literal.indexOf('}');
    if (stray >= 0) {
      const hint = 'a placeholder is {id} or {response.stepId}';
      return { pieces, fault: { message: '"}" without a "{"', hint, offset: from + stray } };
    }
    if (literal !== '') pieces.push({ kind: 'literal', text: literal, offset: from });
    if (open < 0) return { pieces, fault: undefined };
    const close = endOfPlaceholder(text, open + 1);
    if (typeof close !== 'number') return { pieces, fault: close };
    pieces.push({ kind: 'placeholder', text: text.slice(open + 1, close), offset: open });
    from = close + 1;
  }
}

function endOfPlaceholder(text: string, from: number): number | TextFault {
  const depth = new Depth();
  for (let i = from; i < text.length; i++) {
    const character = text.charAt(i);
    if (depth.outside && character === '}') return i;
    if (depth.outside && character === '{') {
      return { message: '"{" inside a placeholder', hint: 'close the first brace before it', offset: i };
    }
    depth.step(character);
  }
  const inside = depth.outside ? '' : ' (a bracket or a quote is still open)';
  return {
    message: `"{" is never closed${inside}`,
    hint: 'a placeholder is {id} or {response.stepId}',
    offset: from - 1,
  };
}

/** The sources of a union, trimmed. Commas inside brackets, parentheses or quotes do not separate. */
export function splitUnion(text: string): { text: string; offset: number }[] {
  const sources: { text: string; offset: number }[] = [];
  const depth = new Depth();
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const character = text.charAt(i);
    if (i < text.length && !(depth.outside && character === ',')) {
      depth.step(character);
      continue;
    }
    const source = text.slice(from, i);
    sources.push({ text: source.trim(), offset: from + source.length - source.trimStart().length });
    from = i + 1;
  }
  return sources;
}

/** Tracks whether a character of a JSONPath is outside of all brackets, parentheses and quotes. */
class Depth {
  #open = 0;
  #quote: string | undefined;
  #escaped = false;

  get outside(): boolean {
    return this.#open === 0 && this.#quote === undefined;
  }

  step(character: string): void {
    if (this.#quote !== undefined) {
      if (this.#escaped) this.#escaped = false;
      else if (character === '\\') this.#escaped = true;
      else if (character === this.#quote) this.#quote = undefined;
    } else if (character === '"' || character === "'") {
      this.#quote = character;
    } else if (character === '[' || character === '(') {
      this.#open++;
    } else if (character === ']' || character === ')') {
      this.#open--;
    }
  }
}
