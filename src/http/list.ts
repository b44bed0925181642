/** RFC 9110 §5.6.2 */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}

/**
 * The members of a comma-separated field value (RFC 9110 §5.6.1): trimmed, empty ones left out. Inside quoted strings nothing
 * separates. A quote that is never closed is an ordinary character: were it taken for the start of a string, one
 * stray quote in a first line would hide every directive of the lines that are joined behind it.
 */
export function splitList(value: string, separator: ',' | ';' = ','): string[] {
  const members: string[] = [];
  let from = 0;
  // Once one quote is known not to be closed, none behind it is looked at: scanning stays linear.
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

/** Where the quoted string that opens at `open` closes (RFC 9110 §5.6.4); -1 when it does not. */
function closingQuote(value: string, open: number): number {
  for (let i = open + 1; i < value.length; i++) {
    if (value[i] === '"') return i;
    if (value[i] === '\\') i++;
  }
  return -1;
}

/** `text` with every quoted string in it emptied. */
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

/** The text of a quoted string, its quoted pairs resolved; undefined when `text` is not exactly one quoted string. */
export function unquote(text: string): string | undefined {
  if (text.length < 2 || text[0] !== '"' || closingQuote(text, 0) !== text.length - 1) return undefined;
  return text.slice(1, -1).replace(/\\(.)/gs, '$1');
}

/** RFC 9110 §5.6.3: only spaces and tabs are white space in a field; `trim` would take U+00A0 off a value as well. */
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
