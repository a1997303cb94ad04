/** Administration of clients, resources, identity providers and tenants at run time. */

import { createAdministration } from '../administration/administration.ts'
import type { Administration } from '../administration/interface.ts'
import type { IssuerContext } from './issuer-context.ts'

export const createAdministrationServices = ({
  configuration,
  entries: { sealing, changed },
  principals,
  stores,
  derived,
  events,
  clock,
  random,
  log,
}: IssuerContext): Administration =>
  createAdministration({
    source: configuration.entries,
    isTenant: configuration.tenant !== undefined,
    entries: stores.entries,
    registeredClients: stores.registeredClients,
    storedUsers: stores.storedUsers,
    derived,
    sealing,
    events,
    clock,
    random,
    log,
    changed,
    clientRemoved: principals.refresh,
  })
