import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** A full collection, for tests of what is held. */
export const collectGarbage = runInNewContext('gc') as () => void;
