import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { stopOnSignals, tessera } from '../tessera.mjs'

const app = new Hono()
app.use((context, next) => {
  const peer = { address: getConnInfo(context).remote.address ?? '' }
  return tessera.serves(context.req.raw, peer) ? tessera.fetch(context.req.raw, peer) : next()
})
app.get('/orders', context => context.text('your orders'))
app.notFound(context => context.text('no such page', 404))

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1' })
stopOnSignals(() => server.close())
