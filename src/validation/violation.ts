/** What is wrong with a request. It has no value of the request: it is answered, and logged. */
export interface Violation {
  readonly in: 'body' | 'path' | 'query' | 'header';
  /** RFC 6901: into the body, or into the object of all parameters of that kind. */
  readonly pointer: string;
  readonly message: string;
}

/** Stop a client from having the gateway write long answers and long lines of its log. */
export const MAX_VIOLATIONS = 32;
const MAX_POINTER_LENGTH = 256;
const MAX_MESSAGE_LENGTH = 256;

export function violation(where: Violation['in'], pointer: string, message: string): Violation {
  return { in: where, pointer: cut(pointer, MAX_POINTER_LENGTH), message: cut(message, MAX_MESSAGE_LENGTH) };
}

export const escapedToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
