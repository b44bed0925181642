import type { Writable } from 'node:stream';
import { type Content, octetsOf } from '../http/content.ts';

/** A piece of what is written, and its encoding if it is a text. */
export interface Piece {
  readonly chunk: string | Buffer;
  readonly encoding: BufferEncoding;
}

/** Gives a socket all pieces at once, for one system call. `done` is called once the last has been written. */
export function writePieces(socket: Writable, pieces: readonly Piece[], done?: (error?: Error | null) => void): void {
  const last = pieces.length - 1;
  if (last > 0) socket.cork();
  for (let i = 0; i < last; i++) {
    const { chunk, encoding } = pieces[i] as Piece;
    socket.write(chunk, encoding);
  }
  const piece = pieces[last];
  if (piece === undefined) done?.();
  else socket.write(piece.chunk, piece.encoding, done);
  if (last > 0) socket.uncork();
}

/** Writes an answer whose body is too long to be joined to its head. */
export function writeAnswer(socket: Writable, head: string, body: Content): void {
  writePieces(socket, [
    { chunk: head, encoding: 'latin1' },
    { chunk: octetsOf(body), encoding: 'latin1' },
  ]);
}
