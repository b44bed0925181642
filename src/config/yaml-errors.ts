/** Messages and hints for YAML's error codes. */
const known: Readonly<Record<string, { readonly message?: string; readonly hint: string; readonly isFatal?: false }>> =
  {
    // Not fatal: the rest of the file can still be checked.
    DUPLICATE_KEY: { message: 'this key occurs twice', hint: 'keep one of the two', isFatal: false },
    TAG_RESOLVE_FAILED: { hint: 'remove the tag; put text that starts with "!" in quotes', isFatal: false },
    TAB_AS_INDENT: { message: 'YAML cannot be indented with tabs', hint: 'indent with spaces' },
    MULTIPLE_DOCS: {
      message: 'this starts a second document',
      hint: 'use one document per file: remove the line "---"',
    },
    BAD_ALIAS: { message: 'this is read as an alias', hint: 'put text that starts with "*" in quotes' },
    BAD_SCALAR_START: { hint: 'put the text in quotes' },
    BLOCK_AS_IMPLICIT_KEY: {
      message: 'a second ": " in one line',
      hint: 'put text with ": " in quotes, or start a new line',
    },
    MISSING_CHAR: { hint: 'check for unclosed quotes or brackets, or a missing space after a colon' },
    BAD_INDENT: { hint: 'indent the elements of a block equally; close any open bracket above' },
  };

/** @param line the source line, which explains some mistakes */
export function syntaxProblem(
  code: string,
  message: string,
  line: string,
): { message: string; hint: string; isFatal: boolean } {
  // ${NAME} and {placeholder} inside { } and [ ].
  if (code === 'UNEXPECTED_TOKEN' && /[[{].*\{/.test(line)) {
    const hint = `inside { } and [ ], put text with braces in quotes: "\${NAME}"`;
    return { message: 'YAML treats this brace as syntax', hint, isFatal: true };
  }
  const bare = unquoted(line);
  if (bare !== undefined) {
    return { message: 'YAML treats this brace as syntax', hint: `put it in quotes: "${bare}"`, isFatal: true };
  }
  const entry = known[code];
  return {
    message: entry?.message ?? lowerFirst(message),
    hint: entry?.hint ?? 'check the indentation, brackets and quotes before this point',
    isFatal: entry?.isFatal ?? true,
  };
}

/** A template inside [ ] or { } that is not quoted: `[/b/{response.id}]`. */
function unquoted(line: string): string | undefined {
  return /[[{,]\s*(?:[A-Za-z]+:\s+)?([^\s"'[\]{},]+\{[^{}]*\}[^\s,\]}]*)/.exec(line)?.[1];
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
