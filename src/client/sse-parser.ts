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

/**
 * Limit on a line, and on the data of one event, in characters. What is longer is dropped, and the event is given with
 * data that cannot be read. The rest of it must not be: it may be JSON again, with its middle missing.
 */
const MAX_CHARACTERS = 4 * 1024 * 1024;
/** JSON has it nowhere, so data that contains it cannot be parsed. */
const UNREADABLE = '\0';

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
  /** Dropped where the next piece begins with it: the byte order mark, or the second half of a line break. */
  let skipped: string | undefined = '\uFEFF';
  const line = (text: string): void => {
    if (text === '') {
      if (id !== undefined || data !== undefined) sink.block({ id, type: type || 'message', data });
      id = undefined;
      type = '';
      data = undefined;
      return;
    }
    const at = `${text}:`.indexOf(':');
    const name = text.slice(0, at);
    const value = text.slice(at + 1).replace(/^ /, '');
    if (at === 0) sink.comment(value);
    else if (name === 'data') {
      data = data === undefined ? value : `${data}\n${value}`;
      if (data.length > MAX_CHARACTERS) data = UNREADABLE;
    } else if (name === 'event') type = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) sink.retry(Number(value));
  };
  return (text) => {
    if (text === '') return;
    const pieces = text.slice(text[0] === skipped ? 1 : 0).split(/\r\n|\r|\n/);
    // A return at the end may be half of a line break.
    skipped = text.endsWith('\r') ? '\n' : undefined;
    for (const [i, piece] of pieces.entries()) {
      if (i) {
        line(rest);
        rest = '';
      }
      rest += piece;
      if (rest.length > MAX_CHARACTERS) rest = `data:${UNREADABLE}`;
    }
  };
}
