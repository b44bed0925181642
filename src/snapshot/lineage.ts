import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, temporaryName } from './write-file.ts';

const LINEAGE_NAME = 'lineage';

/** Runs of gateways of one kind that have used a folder, one after the other. */
interface Line {
  /** What their records depend on: see `lineOf` (wire-snapshot.ts). */
  readonly of: string;
  /** Another one each time that a run of another kind begins. */
  readonly id: string;
}

/**
 * Whether only runs of one kind have used the folder of a snapshot since it was saved. A run with other rules does not
 * note what these would have invalidated, and one with another log does not note it there.
 */
export class Lineage {
  readonly #folder: string;
  readonly #of: string;

  constructor(folder: string, of: string) {
    this.#folder = folder;
    this.#of = of;
  }

  /**
   * Begins a run, before it serves anything. Only the process that may write to the folder does.
   * @throws Error the folder cannot be written
   */
  async begin(): Promise<void> {
    if ((await this.id()) !== undefined) return;
    const line: Line = { of: this.#of, id: randomBytes(9).toString('base64url') };
    const temporary = join(this.#folder, temporaryName(line.id));
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(JSON.stringify(line));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(this.#folder, LINEAGE_NAME));
      await syncFolder(this.#folder);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** What a snapshot notes. Undefined if a run of another kind was the last one, or nobody knows. */
  async id(): Promise<string | undefined> {
    const text = await readFile(join(this.#folder, LINEAGE_NAME), 'utf8').catch(() => '');
    try {
      const { of, id } = JSON.parse(text) as Partial<Record<keyof Line, unknown>>;
      return of === this.#of && typeof id === 'string' ? id : undefined;
    } catch {
      return undefined;
    }
  }
}
