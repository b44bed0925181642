import { z } from 'zod';
import { choice, durationOr, size, text } from './scalar.ts';
import { DAY_MS } from './units.ts';
import { ValueError } from './value-error.ts';

const KEY_BYTES = 32;
const MIB = 1024 * 1024;

/** Both switches are off by default: what a file brings back may be wrong, and whoever wants it has to say so. */
export const snapshotSchema = z
  .strictObject({
    path: text({ examples: ['./state', '/var/lib/unstale'] }, parseFolder).meta({
      description: 'A folder of one gateway, relative to this file. It is made if it is not there.',
    }),
    load: choice(['off', 'revalidate', 'trust'])
      .prefault('off')
      .meta({
        description:
          'At start: revalidate uses no response before the origin has confirmed it by a strong ETag; trust uses those that nothing known has invalidated, which presumes that every write goes through this gateway with this folder.',
        examples: ['revalidate'],
      }),
    save: durationOr(['off', 'stop'], { min: 1_000, max: DAY_MS })
      .prefault('off')
      .meta({
        description: 'When the memory tier is saved: as the gateway stops, or in addition after each such interval.',
        examples: ['stop', '10m'],
      }),
    maxSize: size({ min: 4 * MIB, max: Number.MAX_SAFE_INTEGER })
      .prefault('1GiB')
      .meta({
        description:
          'Of the file; what was used least is left out. A save needs as much again until it has replaced the last one.',
        examples: ['4GiB'],
      }),
    key: text({}, parseKey)
      .optional()
      .meta({
        description:
          'Encrypts the file (AES-256-GCM): 32 random bytes or more in base64 or hex. Without it, responses of perUser routes are not saved.',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file
        examples: ['${UNSTALE_SNAPSHOT_KEY}'],
      }),
  })
  .optional()
  .meta({ description: 'The memory tier in a file, across restarts (docs/snapshots.md).' });

function parseFolder(path: string): string {
  if (path !== '' && !path.includes('\0')) return path;
  throw new ValueError('the path is empty', 'name a folder: ./state');
}

/** Parsed to base64url. The message does not repeat the key. */
function parseKey(written: string): string {
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(written);
  if (!isHex && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(written))
    throw new ValueError('the key is neither base64 nor hex', 'make one: openssl rand -base64 32');
  const key = Buffer.from(written, isHex ? 'hex' : 'base64');
  if (key.length >= KEY_BYTES) return key.toString('base64url');
  throw new ValueError('the key is too short', `use ${KEY_BYTES} random bytes or more: openssl rand -base64 32`);
}
