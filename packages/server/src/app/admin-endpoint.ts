/** Connects the admin API of one issuer with its services. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { createAdminEndpoint } from '../endpoints/admin/admin.ts'
import { createAuditHandlers } from '../endpoints/admin/audit.ts'
import { createClientBlockHandlers } from '../endpoints/admin/client-blocks.ts'
import { createCursors } from '../endpoints/admin/cursor.ts'
import { createEntryHandlers } from '../endpoints/admin/entries.ts'
import { createGlobalRevocationHandlers } from '../endpoints/admin/global-revocation.ts'
import { createKeyHandlers } from '../endpoints/admin/keys.ts'
import { adminOperations, adminSchemas } from '../endpoints/admin/operations.ts'
import { createUserDataHandlers } from '../endpoints/admin/user-data.ts'
import { createPasswordHandlers } from '../endpoints/admin/user-password.ts'
import { createSessionHandlers } from '../endpoints/admin/user-sessions.ts'
import { createUserHandlers } from '../endpoints/admin/users.ts'
import { createFactorReset } from '../identity/factor-reset.ts'
import { createAccessCheck, createSubjectSearch } from '../identity/subject-search.ts'
import { administerUsers } from '../identity/user-administration.ts'
import type { Services } from './services.ts'

export function createAdmin(configuration: Configuration, services: Services): Endpoint {
  const { context, clients, tokens, signIn, sessions } = services
  const { stores, keys, derived, audit, clock, log } = context
  const { accounts, endAccess, personalData, replaceUser } = services.accounts
  const { users, configuredSubs } = signIn
  const { storedUsers } = stores
  const cursors = createCursors(derived)
  const hasAccess = createAccessCheck({ stores, clock })
  return createAdminEndpoint({
    issuer: configuration.issuer,
    operations: adminOperations,
    schemas: adminSchemas,
    handlers: {
      ...createEntryHandlers({
        administration: services.administration,
        cursors,
        revokeClient: clients.revoke,
      }),
      ...createClientBlockHandlers({ blocking: clients.blocking, cursors }),
      ...createUserHandlers({
        configured: configuration.users,
        configuredSubs,
        tenants: configuration.tenants,
        users,
        storedUsers,
        hasAccess,
        modulesChooseSubs: modulesChooseSubs(configuration),
        accounts,
        administration: administerUsers(accounts, storedUsers),
        replaceUser,
        cursors,
      }),
      ...createUserDataHandlers({ personalData, storedUsers, replaceUser }),
      ...createPasswordHandlers({
        configured: configuredSubs,
        storedUsers,
        accounts,
        resetFactors: createFactorReset(context),
      }),
      ...createSessionHandlers({
        sessions: stores.sessions,
        endSession: sessions.endSession,
        endAccess,
        revokeSession: sessions.revokeSession,
        revokeTenant: sessions.revokeTenant,
        tenants: configuration.tenants,
        clock,
      }),
      ...createGlobalRevocationHandlers({
        findSubjects: createSubjectSearch({
          issuer: configuration.issuer,
          tenants: configuration.tenants,
          providers: [...signIn.identityProviders.values()],
          users,
          sessions: stores.sessions,
          hasAccess,
          links: stores.identityLinks,
          upstreamSessions: stores.upstreamSessions,
          choosesSubjects: configuration.federation.subject !== undefined,
        }),
        endAccess,
      }),
      ...createKeyHandlers({ keys }),
      ...createAuditHandlers({ auditRecords: stores.auditRecords, cursors }),
    },
    verifier: tokens.verifier,
    senderConstraints: tokens.senderConstraints,
    clients: clients.lookup,
    recordRequest: data => audit.add('admin.requested', data),
    noteChange: ({ actor, ...change }) => log.info('admin_change', { ...change, ...actor }),
    clock,
    log,
  })
}

/** Directories have derived subs, which no record may have. */
const modulesChooseSubs = ({ validators, grants, federation, identityProviders }: Configuration): boolean =>
  validators.password !== undefined ||
  grants.length > 0 ||
  federation.subject !== undefined ||
  [...identityProviders.values()].some(({ credentialAuthority }) => credentialAuthority !== undefined)
