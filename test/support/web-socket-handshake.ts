/** The fields of a WebSocket's handshake (RFC 6455 §4.1) that make it one. */
export const handshakeFields: readonly string[] = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** The whole of it. */
export const handshakeOf = (path: string): string =>
  `GET ${path} HTTP/1.1\r\n${['Host: a.example', ...handshakeFields, ''].join('\r\n')}\r\n`;
