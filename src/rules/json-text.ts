import { type Node, parseTree } from 'jsonc-parser';

/**
 * Values in a JSON text, by their offsets. The caller has parsed the text before (`parseJson`): it is valid, no deeper
 * than MAX_JSON_DEPTH and names no member twice, so every parser finds the same values. A tolerant parser is safe for
 * that reason only.
 */
export type TextNode = Node;

export interface Span {
  readonly start: number;
  /** The index after the last character. */
  readonly end: number;
}

export function parseText(text: string): TextNode {
  const root = parseTree(text);
  if (root === undefined) throw new Error('the text is not JSON: the caller must parse it first');
  return root;
}

export const spanOf = ({ offset, length }: TextNode): Span => ({ start: offset, end: offset + length });

/** The value that a JSON Pointer's tokens lead to (RFC 6901 §4), undefined where there is none. */
export function nodeAt(root: TextNode, tokens: readonly string[]): TextNode | undefined {
  let node: TextNode | undefined = root;
  for (const token of tokens) {
    if (node?.type === 'object') node = memberOf(node, token);
    else if (node?.type === 'array' && /^(?:0|[1-9][0-9]*)$/.test(token)) node = node.children?.[Number(token)];
    else return undefined;
  }
  return node;
}

/** As `nodeAt`, for callers that need only the location. */
export function locate(text: string, tokens: readonly string[]): Span | undefined {
  const node = nodeAt(parseText(text), tokens);
  return node && spanOf(node);
}

/** The value of an object's member. */
export function memberOf(object: TextNode, name: string): TextNode | undefined {
  return object.children?.find(({ children }) => children?.[0]?.value === name)?.children?.[1];
}
