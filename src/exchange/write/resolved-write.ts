import type { BodySources } from '../../rules/types.ts';
import type { ClientRequest } from '../ports.ts';
import type { Applied } from './apply.ts';
import type { PatchingWrite } from './patch.ts';

/** An answered write and what its rules came to: what an explanation is made of (inspect/explain.ts). */
export interface ResolvedWrite {
  readonly request: ClientRequest;
  readonly applied: Applied;
  readonly sources: BodySources;
  /** Of the answer; undefined where none came. */
  readonly status: number | undefined;
  readonly indeterminate: boolean;
  /** Undefined where a write conflicts with this one, or it was not answered: nothing is patched then. */
  readonly patching: PatchingWrite | undefined;
}
