/** What YAML's error codes mean to whoever wrote the file, and what to do about them. */
const known: Readonly<Record<string, { readonly message?: string; readonly hint: string; readonly isFatal?: false }>> =
  {
    // The parser has read both; everything else in the file can still be checked.
    DUPLICATE_KEY: { message: 'this key stands twice', hint: 'keep one of the two', isFatal: false },
    TAG_RESOLVE_FAILED: { hint: 'leave out the tag; a text that begins with "!" is written in quotes', isFatal: false },
    TAB_AS_INDENT: { message: 'YAML is not indented with tabs', hint: 'indent with spaces' },
    MULTIPLE_DOCS: { message: 'this begins a second document', hint: 'one document a file: take out the line "---"' },
    BAD_ALIAS: { message: 'this is read as an alias', hint: 'a text that begins with "*" is written in quotes' },
    BAD_SCALAR_START: { hint: 'put the text in quotes' },
    BLOCK_AS_IMPLICIT_KEY: {
      message: 'a second ": " in one line',
      hint: 'put a text that holds ": " in quotes, or begin a new line',
    },
    MISSING_CHAR: { hint: 'close what is open: quotes, brackets, or the colon and space after a key' },
    BAD_INDENT: { hint: 'indent the elements of one block alike; close brackets that are open above' },
  };

/** @param line the source line, for mistakes that only it explains */
export function syntaxProblem(
  code: string,
  message: string,
  line: string,
): { message: string; hint: string; isFatal: boolean } {
  // ${NAME} and {placeholder} inside { } and [ ].
  if (code === 'UNEXPECTED_TOKEN' && /[[{].*\{/.test(line)) {
    const hint = `inside { } and [ ] a text with braces is written in quotes: "\${NAME}"`;
    return { message: 'YAML reads this brace as its own', hint, isFatal: true };
  }
  const entry = known[code];
  return {
    message: entry?.message ?? lowerFirst(message),
    hint: entry?.hint ?? 'the indentation, a bracket or a quote before this point is not what YAML 1.2 expects',
    isFatal: entry?.isFatal ?? true,
  };
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
