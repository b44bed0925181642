import type { Duplex } from 'node:stream';

/**
 * How long the reading side may continue after a failed write. Normally the answer has been read, or the kernel has
 * reported the closed connection to the reader, before that. The limit is for a socket where neither happens.
 */
const DEFERRED_WRITE_ERROR_MS = 5_000;

/** Error codes of a write to a connection that the other side has closed. */
const closedForWriting = new Set(['EPIPE', 'ECONNRESET']);

type Done = (error?: Error | null) => void;

/**
 * Lets the reading side of a socket finish before a failed write destroys the socket.
 *
 * An origin that refuses an upload answers early and closes the connection. Its answer is in the receive buffer when
 * the next write fails. Node destroys a socket at its first failed write without reading, so the client would get a 502
 * instead of the origin's 413 (19 times out of 20 in a local test with a fast upload). RFC 9112 §9.5 asks clients to
 * look for that answer.
 */
export function deferWriteErrors(socket: Duplex, deadlineMs = DEFERRED_WRITE_ERROR_MS): void {
  const write = socket._write;
  const writev = socket._writev;
  const deferred =
    (done: Done): Done =>
    (error) => {
      if (isClosedForWriting(error)) whenRead(socket, deadlineMs, () => done(error));
      else done(error);
    };
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, deferred(done));
  // Null if a stream has none, although its type does not say so.
  if (typeof writev === 'function') socket._writev = (chunks, done) => writev.call(socket, chunks, deferred(done));
}

function isClosedForWriting(error: Error | null | undefined): boolean {
  return error instanceof Error && 'code' in error && closedForWriting.has(String(error.code));
}

/** Calls back once, when the reading side ends, the socket closes, or the deadline passes. */
function whenRead(socket: Duplex, deadlineMs: number, callback: () => void): void {
  if (socket.readableEnded || socket.destroyed) {
    callback();
    return;
  }
  const timer = setTimeout(over, deadlineMs);
  socket.once('end', over);
  socket.once('close', over);
  function over(): void {
    clearTimeout(timer);
    socket.off('end', over);
    socket.off('close', over);
    callback();
  }
}
