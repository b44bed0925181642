import { readFileSync } from 'node:fs';

/** A database's snapshot from disk: global-setup.ts writes it, and tests with a database of their own begin with it. */
export const readSnapshot = (file: string): Blob => new Blob([readFileSync(file)]);
