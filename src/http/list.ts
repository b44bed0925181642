/** RFC 9110 §5.6.2 */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}

/**
 * The members of a comma-separated field value (RFC 9110 §5.6.1), trimmed, without empty ones. Commas in quoted strings
 * do not separate. A quote that is never closed is an ordinary character. Otherwise a stray quote in the first line
 * would hide every directive in the lines joined after it.
 */
export function splitList(value: string, separator: ',' | ';' = ','): string[] {
  const members: string[] = [];
  let from = 0;
  // After an unclosed quote, later quotes are not examined, so scanning stays linear.
  let quotes = value.includes('"');
  for (let i = 0; i <= value.length; i++) {
    const character = i === value.length ? separator : value[i];
    if (character === '"' && quotes) {
      const end = closingQuote(value, i);
      if (end < 0) quotes = false;
      else i = end;
    } else if (character === separator) {
      const member = trimWhitespace(value.slice(from, i));
      if (member !== '') members.push(member);
      from = i + 1;
    }
  }
  return members;
}

/** The index of the quote that closes the string opened at `open` (RFC 9110 §5.6.4); -1 if there is none. */
function closingQuote(value: string, open: number): number {
  for (let i = open + 1; i < value.length; i++) {
    if (value[i] === '"') return i;
    if (value[i] === '\\') i++;
  }
  return -1;
}

/** `text` with the content of quoted strings removed. */
export function withoutQuoted(text: string): string {
  let kept = '';
  let from = 0;
  for (let open = text.indexOf('"'); open >= 0; open = text.indexOf('"', from)) {
    const end = closingQuote(text, open);
    if (end < 0) break;
    kept += `${text.slice(from, open)}""`;
    from = end + 1;
  }
  return kept + text.slice(from);
}

/** The content of a quoted string with quoted pairs resolved; undefined if `text` is not exactly one quoted string. */
export function unquote(text: string): string | undefined {
  if (text.length < 2 || text[0] !== '"' || closingQuote(text, 0) !== text.length - 1) return undefined;
  return text.slice(1, -1).replace(/\\(.)/gs, '$1');
}

/** RFC 9110 §5.6.3: only spaces and tabs are white space in a field; `trim` would also remove U+00A0. */
export function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhitespace(text[start])) start++;
  while (end > start && isWhitespace(text[end - 1])) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isWhitespace(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}
