import { askOrigin } from '../ask-origin.ts';
import { forwardFields } from '../forward.ts';
import type { ClientRequest, Route } from '../ports.ts';
import { readFor } from './representation.ts';

/**
 * Before a write is noted, and before any byte of it is sent: refuses it if its origin is down. If it is time to find out
 * whether the origin is up again, a HEAD of the resource does that: a write that got no answer would be indeterminate.
 * @throws OriginError originDown
 */
export function refuseIfDown(request: ClientRequest, route: Route): Promise<void> | undefined {
  const { circuit } = route.origin;
  return circuit === undefined || circuit.isClosed ? undefined : probeOrRefuse(request, route);
}

async function probeOrRefuse(request: ClientRequest, route: Route): Promise<void> {
  const { circuit } = route.origin;
  if (circuit?.isDue === true) await probe(request, route);
  if (circuit?.isClosed === false) throw circuit.refusal();
}

/** Whatever comes of it, the circuit knows. */
async function probe(request: ClientRequest, route: Route): Promise<void> {
  const { path, resource } = request.target;
  const head = { ...readFor(request, { path, resource, route }), method: 'HEAD', content: undefined };
  try {
    const answer = await askOrigin({ request: head, route }, { headers: forwardFields(head, route.policy.client) });
    answer.body.destroy();
  } catch {
    // It has failed: the circuit is open.
  }
}
