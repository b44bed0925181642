import type { Duplex } from 'node:stream';

/**
 * How long the reading side may go on after a write has failed. By then the answer was read or the kernel has reported the
 * closed connection to the reader too; the bound stops a socket that does neither from being kept.
 */
const DEFERRED_WRITE_ERROR_MS = 5_000;

/** What a write to a connection that the other side has closed fails with. */
const closedForWriting = new Set(['EPIPE', 'ECONNRESET']);

type Done = (error?: Error | null) => void;

/**
 * Lets the reading side of a socket come to its end before a failed write destroys it.
 *
 * An origin that refuses an upload answers early and closes. Its answer is in the receive buffer when the next write
 * fails, and Node destroys a socket at its first failed write, without reading: the client would get a 502 in place of the
 * origin's 413 (in a local test with a fast upload 19 times out of 20). RFC 9112 §9.5 asks a client to look for that answer.
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
  // Null where a stream has none, whatever its type says.
  if (typeof writev === 'function') socket._writev = (chunks, done) => writev.call(socket, chunks, deferred(done));
}

function isClosedForWriting(error: Error | null | undefined): boolean {
  return error instanceof Error && 'code' in error && closedForWriting.has(String(error.code));
}

/** Calls back once: when the reading side has ended, when the socket is closed, or at the deadline. */
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
