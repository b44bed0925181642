import { describe } from 'vitest';
import { clusterTestsOf } from './short.ts';

describe('over a Redis Cluster', () => {
  clusterTestsOf([
    'Redis killed and restarted empty',
    'Redis killed and restarted with older data',
    'the path of a node to Redis cut',
  ]);
});
