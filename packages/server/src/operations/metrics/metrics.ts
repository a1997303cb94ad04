/** What is counted of a server, and where it is read: loaded only where the configuration asks for it. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Stores } from '../../model/ports/stores.ts'
import { addSeries, type Gathering } from '../../runtime/metrics.ts'
import type { Log, LogLine } from '../../runtime/ports.ts'
import { createCounter, createHistogram } from './counting.ts'
import { createMetricsEndpoint, type MetricsAccess } from './endpoint.ts'
import { createProcessFigures } from './process.ts'
import { createRequestFigures, type RequestFigures } from './requests.ts'

export type Metrics = {
  readonly endpoint: Endpoint
  readonly observeRequest: RequestFigures['observe']
  /** The same log; refusals and issued tokens are counted where they are told. */
  readonly listen: (log: Log) => Log
  /** The same store; its commits are timed. */
  readonly time: (stores: Stores) => Stores
  readonly stop: () => void
}

export type MetricsPorts = MetricsAccess & {
  /** How those of other processes are had; undefined: there are none. */
  readonly gathering?: Gathering
  readonly underWay: () => number
  /** Lines that the log could not write. */
  readonly droppedLines?: () => number
  /** Of a store that keeps a queue. */
  readonly waiting?: () => number
}

export function createMetrics({
  gathering,
  underWay,
  droppedLines,
  waiting,
  ...access
}: MetricsPorts): Metrics {
  const requests = createRequestFigures()
  const refusals = createCounter('tessera_refusals_total', 'reason')
  const tokens = createCounter('tessera_tokens_issued_total', 'grant_type')
  const events = createCounter('tessera_log_events_total', 'event')
  const commits = createHistogram('tessera_store_commit_duration_seconds')
  const ofProcess = createProcessFigures()

  const own = () => ({
    counted: addSeries(
      ...[requests, refusals, tokens, events, commits].map(({ read }) => read()),
      droppedLines ? { tessera_log_lines_dropped_total: droppedLines() } : {},
    ),
    measured: {
      tessera_http_requests_under_way: underWay(),
      ...(waiting && { tessera_store_writes_waiting: waiting() }),
      ...ofProcess.read(),
    },
  })
  gathering?.tell(own)
  const alone = async () => ({ processes: [{ worker: 1, figures: own() }], ended: {}, deaths: 0 })

  const counting =
    (write: LogLine): LogLine =>
    (event, fields) => {
      events.add(event)
      write(event, fields)
    }

  return {
    endpoint: createMetricsEndpoint({ ...access, read: gathering?.all ?? alone }),
    observeRequest: requests.observe,
    listen: log => ({
      debug: log.debug,
      info(event, fields) {
        if (event === 'refused') refusals.add(reasonOf(fields?.reason))
        else if (event === 'tokens_issued') tokens.add(String(fields?.grant_type))
        log.info(event, fields)
      },
      warn(event, fields) {
        if (event === 'refused') refusals.add(reasonOf(fields?.reason))
        else events.add(event)
        log.warn(event, fields)
      },
      error: counting(log.error),
    }),
    time: stores => ({
      ...stores,
      async commit(write) {
        const start = performance.now()
        try {
          return await stores.commit(write)
        } finally {
          commits.observe((performance.now() - start) / 1000)
        }
      },
    }),
    stop: ofProcess.stop,
  }
}

/** An operator's own code may refuse with a reason that is none: never text of a client. */
const reasonOf = (reason: unknown): string =>
  typeof reason === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(reason) ? reason : 'other'
