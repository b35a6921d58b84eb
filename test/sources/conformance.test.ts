import { conforms } from './conformance.js';
import { etcdKind } from './store.js';

conforms(etcdKind);
