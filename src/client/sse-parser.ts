/** What a block of an event stream says (WHATWG HTML §9.2.6). */
export interface Block {
  /** Undefined if the block has no id: the last one stays. */
  readonly id: string | undefined;
  readonly type: string;
  /** Undefined if there is no data: nothing is dispatched, but the id counts. */
  readonly data: string | undefined;
}

export interface BlockSink {
  block(block: Block): void;
  comment(text: string): void;
  retry(ms: number): void;
}

/** Limit on the data of one event, in characters. What is longer is cut, so it cannot be read and is told as such. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * Parses an event stream. eventsource-parser drops an id that comes without data, by which the gateway says where its
 * log stands.
 * @returns what takes the text, in any pieces
 */
export function sseParser(sink: BlockSink): (text: string) => void {
  let rest = '';
  let id: string | undefined;
  let type = '';
  let data: string | undefined;
  let first = true;
  const line = (text: string): void => {
    if (text === '') {
      if (id !== undefined || data !== undefined) sink.block({ id, type: type || 'message', data });
      id = undefined;
      type = '';
      data = undefined;
      return;
    }
    const at = text.indexOf(':');
    const name = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? '' : text.slice(at + 1).replace(/^ /, '');
    if (at === 0) sink.comment(value);
    else if (name === 'data') data = (data === undefined ? value : `${data}\n${value}`).slice(0, MAX_CHARACTERS);
    else if (name === 'event') type = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) sink.retry(Number(value));
  };
  return (text) => {
    rest += first && text.startsWith('\uFEFF') ? text.slice(1) : text;
    if (text !== '') first = false;
    // A return at the end may be half of a line break.
    const complete = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    const lines = complete.split(/\r\n|\r|\n/);
    const last = lines.pop() as string;
    for (const each of lines) line(each);
    rest = last.slice(0, MAX_CHARACTERS) + rest.slice(complete.length);
  };
}
