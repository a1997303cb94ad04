import fastify from 'fastify'
import { stopOnSignals, tessera } from '../tessera.mjs'

const app = fastify()
app.addHook('onRequest', (request, reply, next) => {
  if (tessera.listener(request.raw, reply.raw, next)) reply.hijack()
})
app.get('/orders', async () => 'your orders')
app.setNotFoundHandler((_request, reply) => reply.code(404).send('no such page'))

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
stopOnSignals(() => app.close())
