import type { BodySources } from '../../rules/types.ts';
import type { ClientRequest } from '../ports.ts';
import type { Applied } from './apply.ts';
import type { PatchingWrite } from './patch.ts';

/** An answered write and the rules applied to it: the input of an explanation (inspect/explained.ts). */
export interface ResolvedWrite {
  readonly request: ClientRequest;
  readonly applied: Applied;
  readonly sources: BodySources;
  /** Status of the answer; undefined if none came. */
  readonly status: number | undefined;
  readonly indeterminate: boolean;
  /** Undefined if nothing is patched: another write conflicts, or no answer came. */
  readonly patching: PatchingWrite | undefined;
}
