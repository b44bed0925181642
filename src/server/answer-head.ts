import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { systemClock } from '../clock.ts';
import { formatHttpDate } from '../http/date.ts';
import { type FieldLines, isFieldValue } from '../http/fields.ts';
import { isToken } from '../http/list.ts';

/** How the body of an answer is framed. */
export interface AnswerFraming {
  /** Undefined: a `Content-Length` is among the lines, or there is none. */
  readonly length: number | undefined;
  /** Whether an answer without a length is chunked. */
  readonly mayBeChunked: boolean;
  /** The lines of each head that say that the connection is kept. */
  readonly persistence: string;
}

export interface AnswerHead {
  readonly text: string;
  readonly isChunked: boolean;
}

/**
 * The head of an answer, as Node's HTTP server writes it.
 * @throws TypeError for what Node refuses: a line break in a value would begin another line
 */
export function answerHead(
  status: number,
  lines: FieldLines,
  { length, mayBeChunked, persistence }: AnswerFraming,
): AnswerHead {
  let hasDate = false;
  let hasLength = length !== undefined;
  let text = statusLine(status);
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string;
    text += checkedLine(name, lines[i + 1] as string);
    if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true;
    else if (name.length === 14 && name.toLowerCase() === 'content-length') hasLength = true;
  }
  const isChunked = mayBeChunked && !hasLength;
  if (length !== undefined) text += `Content-Length: ${length}\r\n`;
  if (!hasDate) text += `Date: ${formatHttpDate(systemClock.wall())}\r\n`;
  text += persistence;
  return { text: isChunked ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`, isChunked };
}

/** Whether none of these lines is refused. */
export function isSendable(lines: FieldLines): boolean {
  return lines.every((text, i) => (i % 2 === 0 ? isToken(text) : isFieldValue(text)));
}

/** @throws TypeError as `answerHead` */
export function fieldText(lines: FieldLines): string {
  let text = '';
  for (let i = 0; i < lines.length; i += 2) text += checkedLine(lines[i] as string, lines[i + 1] as string);
  return text;
}

export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
}

function checkedLine(name: string, value: string): string {
  if (!isToken(name)) validateHeaderName(name);
  if (!isFieldValue(value)) validateHeaderValue(name, value);
  return `${name}: ${value}\r\n`;
}
