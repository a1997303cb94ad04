/** The public interface of `@tessera/server/testing`: an identity provider for the tests of an application (docs/guides/testing.md). */

// Must come first: it explains what to do if the version of Node is too old.
import './node-version.js'

export type { ClientInput, UserInput } from './testing/changes.ts'
export type { TestClock } from './testing/clock.ts'
export type { TestConfiguration } from './testing/configuration.ts'
export type { TestCookie } from './testing/cookie-jar.ts'
export type { ExpireTarget, RevokeTarget } from './testing/endings.ts'
export type { EndpointName, Failure, FaultOptions, Faults, FaultTarget } from './testing/faults.ts'
export type { RotateKeysOptions } from './testing/key-rotation.ts'
export type { LogEntry } from './testing/log.ts'
export type { SentRequest } from './testing/outgoing.ts'
export type { Authentication } from './testing/people.ts'
export type { ReceivedRequest } from './testing/requests.ts'
export type { SignedIn, SignInOptions, TestBrowser } from './testing/sign-in.ts'
export { startTestServer, type TestServer, type TestServerOptions } from './testing/test-server.ts'
export type { IssuedTokens, TokenOptions, TokensOptions } from './testing/tokens.ts'
