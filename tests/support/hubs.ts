import { freshDatabase } from './databases.ts'
import { testHub } from './hub.ts'

/** Two hubs on one database; they share no memory. */
export async function twoHubs(variables: Record<string, string> = {}) {
  const database = await freshDatabase()
  const env = { ...variables, DATABASE_URL: database?.url ?? '' }
  const [first, second] = [await testHub({ env }), await testHub({ env })]
  return {
    first,
    second,
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      await database?.drop()
    }
  }
}
