import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SnapshotFault, type SnapshotHeader } from './format.ts';

const NAME = 'aes-256-gcm';
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const CHECK_BYTES = 8;

/**
 * Encrypts the frames of one file with a key of its own, which is derived from the configured one. So the number of a
 * frame can be its nonce, and a frame is of no use in another place or another file.
 */
export class Seal {
  readonly #key: Buffer;
  readonly cipher: NonNullable<SnapshotHeader['cipher']>;

  constructor(secret: Buffer, salt: Buffer = randomBytes(KEY_BYTES)) {
    const derived = Buffer.from(hkdfSync('sha256', secret, salt, 'unstale snapshot', KEY_BYTES + CHECK_BYTES));
    this.#key = derived.subarray(0, KEY_BYTES);
    const check = derived.subarray(KEY_BYTES).toString('base64url');
    this.cipher = { name: NAME, salt: salt.toString('base64url'), check };
  }

  /** That of a file. Undefined if it is not encrypted. @throws SnapshotFault the key is missing, or another one */
  static of({ cipher }: SnapshotHeader, secret: Buffer | undefined): Seal | undefined {
    if (cipher === undefined) return undefined;
    if (secret === undefined) throw new SnapshotFault('the snapshot is encrypted, and store.snapshot.key is not set');
    const seal = new Seal(secret, Buffer.from(cipher.salt, 'base64url'));
    if (cipher.name !== NAME || seal.cipher.check !== cipher.check)
      throw new SnapshotFault('the snapshot was encrypted with another store.snapshot.key');
    return seal;
  }

  close(frame: Buffer, number: number): Buffer {
    const cipher = createCipheriv(NAME, this.#key, nonceOf(number));
    return Buffer.concat([cipher.update(frame), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws SnapshotFault */
  open(sealed: Buffer, number: number): Buffer {
    const decipher = createDecipheriv(NAME, this.#key, nonceOf(number));
    try {
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch {
      throw new SnapshotFault('the snapshot was changed since it was encrypted');
    }
  }
}

function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 6, 6);
  return nonce;
}
