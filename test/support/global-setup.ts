import type { TestProject } from 'vitest/node';
import { startTravelApi } from '../../demo/api/travel-api.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The travel API that all test files share: each makes rows of its own. */
    travelUrl: string;
  }
}

/** A database in the process takes seconds and 750 MB to start: one serves the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const api = await startTravelApi({ latencyMs: [0, 0] });
  project.provide('travelUrl', api.url);
  return () => api.close();
}
