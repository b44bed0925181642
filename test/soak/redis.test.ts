import { ofRedis, testsOf } from './short.ts';

testsOf(ofRedis);
