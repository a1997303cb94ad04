/** The background jobs of a server, at the issuers that are active when they run. */

import type { TenantStores } from '../model/ports/stores.ts'
import { cleanUp, createCleanUp } from '../operations/clean-up.ts'
import { startJobs } from '../operations/jobs.ts'
import { forEachOf } from '../runtime/async/promises.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import type { Issuer } from './issuer.ts'
import type { Overrides, TenantJobOptions } from './server-context.ts'
import type { Snapshot } from './snapshot.ts'

type BackgroundJobs = {
  readonly runLogouts: () => Promise<void>
  readonly runMails: () => Promise<void>
  readonly runWebhooks: () => Promise<void>
  readonly runAudit: () => Promise<void>
  readonly runCleanUp: () => Promise<void>
  readonly runTenantJobs: (options?: TenantJobOptions) => Promise<void>
  /** Runs each of them at its interval until the returned function is called. */
  readonly start: (jobs: NonNullable<Overrides['jobs']>) => () => void
}

type JobPorts = {
  /** Returns the snapshot that is served now. */
  readonly current: () => Pick<Snapshot, 'active' | 'evictIdle' | 'runTenantJobs'>
  readonly tenantStores: Pick<TenantStores, 'list'>
  readonly clock: Clock
  readonly log: Log
}

/** Inactive tenants whose jobs run at the same time. Those of one may wait for a minute for receivers that don't respond. */
const tenantsAtOnce = 8

export function createBackgroundJobs({ current, tenantStores, clock, log }: JobPorts): BackgroundJobs {
  const atActive = async (run: (one: Issuer) => Promise<unknown>): Promise<void> => {
    await Promise.all(current().active().map(run))
  }
  const runLogouts = () => atActive(one => one.services.sessions.run())
  const runMails = () => atActive(one => one.deliverMail())
  const runWebhooks = () => atActive(one => one.deliverWebhooks())
  const runAudit = () => atActive(one => one.audit.run())
  const cleanUpAll = createCleanUp({
    clock,
    log,
    stores: () =>
      current()
        .active()
        .map(one => one.stores),
  })
  const runCleanUp = async () => {
    await cleanUpAll()
    await atActive(one => one.services.accounts.personalData.finish())
  }
  const runAllOf = async (one: Issuer) => {
    await one.services.sessions.run()
    await one.deliverMail()
    await one.deliverWebhooks()
    await one.audit.run()
    await cleanUp(one.stores, clock)
    await one.services.accounts.personalData.finish()
  }
  const runTenantJobs = async ({ inactive } = { inactive: true }) => {
    const names = inactive ? await tenantStores.list() : []
    await current().evictIdle()
    // Each at the snapshot that is current by then, because a reload closes the one before.
    await forEachOf(names, tenantsAtOnce, name => current().runTenantJobs(name, runAllOf))
  }
  return {
    runLogouts,
    runMails,
    runWebhooks,
    runAudit,
    runCleanUp,
    runTenantJobs,
    start: jobs =>
      startJobs(
        jobs === false
          ? []
          : [
              { run: runCleanUp, failed: 'clean_up_failed', every: 30 },
              // Run immediately, because a previous process may have left emails or notices to send.
              { run: runLogouts, failed: 'logouts_failed', every: 5, first: 0 },
              { run: runMails, failed: 'mails_failed', every: 5, first: 0 },
              { run: runWebhooks, failed: 'webhooks_failed', every: 5, first: 0 },
              { run: runAudit, failed: 'audit_failed', every: 1, first: 0 },
              {
                run: () => runTenantJobs(jobs === true ? undefined : jobs),
                failed: 'tenant_jobs_failed',
                every: 3600,
                first: 10,
              },
            ],
        log,
      ),
  }
}
