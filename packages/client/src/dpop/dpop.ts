/** Binds tokens to a key of the client with DPoP (RFC 9449): the interface of `@tessera/client/dpop`. */

export { type DpopAlgorithm, type DpopKeyOptions, type DpopKeyPair, generateDpopKey } from './key.ts'
export { createDpop, type Dpop, type DpopOptions } from './proof.ts'
