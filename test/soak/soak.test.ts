import { ofOthers, testsOf } from './short.ts';

testsOf(ofOthers);
