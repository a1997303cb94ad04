/** The public interface of the package. `createTessera` composes a server without a socket; `startServer` listens. */

// Must come first: it throws if the version of Node is too old.
import './node-version.js'

export type { Overrides as TesseraOverrides, TenantJobOptions } from './app/server-context.ts'
export { type Server, type ServerOptions, startServer } from './app/start-server.ts'
export { createTessera, type Tessera } from './app/tessera.ts'
export type { Configuration, StoragePasswordHook } from './configuration/configuration.ts'
export type { Diagnostic } from './configuration/diagnostic.ts'
export { type LoadOptions, loadConfiguration } from './configuration/load.ts'
export { type ConfigurationOutcome, type ParseOptions, parseConfiguration } from './configuration/parse.ts'
export { type ConfigurationInput, defineConfig } from './configuration/schema/whole.ts'
export { type JwtBearerOptions, jwtBearer } from './endpoints/token/grants/jwt-bearer.ts'
export {
  type TokenExchange,
  type TokenExchangePolicy,
  tokenExchange,
} from './endpoints/token/grants/token-exchange.ts'
export type { FetchEdge } from './http/fetch.ts'
export type { NodeListener } from './http/mounted.ts'
export type { Client } from './model/client.ts'
export type { ConsentPolicyHook, ConsentPolicyRequest } from './model/consent.ts'
export type { Event, EventCallbacks, EventData, EventOf, EventType } from './model/events.ts'
export {
  defineGrant,
  type ExtensionGrant,
  type GrantContext,
  type GrantDecision,
  type GrantRefusal,
  type GrantRequest,
  type TokenRequestValidator,
  type TokenRequestVerdict,
  type ValidatedTokenRequest,
  type VerifiedToken,
} from './model/extension-grant.ts'
export type { Hook, HookContext } from './model/hook.ts'
export {
  type MasterKeyContext,
  MasterKeyRefused,
  type MasterKeyService,
  type UnwrapRequest,
  type WrapRequest,
} from './model/master-key.ts'
export type { MfaPolicy, MfaPolicyHook, MfaPolicyRequest } from './model/mfa.ts'
export type {
  PreviousRefreshToken,
  PreviousRefreshTokenHook,
  PreviousRefreshTokenRequest,
} from './model/previous-refresh-token.ts'
export type {
  ActiveRequest,
  CredentialAuthority,
  CredentialCheck,
  CredentialRequest,
  FederatedSubjectHook,
  FederatedUser,
  ProfileHooks,
  ProfileRequest,
  Subject,
  User,
} from './model/user.ts'
export type {
  EmailLookup,
  NewPassword,
  NewUser,
  PasswordCheck,
  PasswordUpgrade,
  SubLookup,
  UsernameLookup,
  UserStore,
  UserStoreUser,
} from './model/user-store.ts'
export { pageStyle } from './pages/ui/theme.ts'
export type { Clock, Log } from './runtime/ports.ts'
