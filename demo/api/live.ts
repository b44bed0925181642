import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

/** Maximum size of an echoed message. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Limit on echoes that a client has not read. Beyond it, the client is dropped. */
const MAX_UNREAD_BYTES = 8 * MAX_MESSAGE_BYTES;

/**
 * A WebSocket echo at `/live`. Text is echoed as text, binary as binary.
 * @param onUpgrade called for each attempt with its request target
 * @returns a function that ends all connections
 */
export function attachLive(server: Server, onUpgrade: (target: string) => void): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  sockets.on('connection', (socket) => {
    // A malformed frame or a reset. ws closes the socket itself, but without a listener the process would end.
    socket.on('error', () => socket.terminate());
    socket.on('message', (message, isBinary) => {
      if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.terminate();
      else socket.send(message, { binary: isBinary });
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const target = request.url ?? '/';
    onUpgrade(target);
    // If this is not a WebSocket handshake, ws answers 400.
    if (target.split('?', 1).join('') !== '/live') refuse(socket, 404);
    else sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  });
  return () => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
  };
}

function refuse(socket: Duplex, status: number): void {
  // The other side may have disconnected already.
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
