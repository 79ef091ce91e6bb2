import { Memoirist } from "memoirist";
import { apiError } from "../lib/errors.ts";

/** Tells what a path answers to, from the application's own routes. */
export type KnownRoutes = {
  /** Throws NOT_FOUND for an unknown path, METHOD_NOT_ALLOWED with the methods that are allowed for a wrong method. */
  require(method: string, path: string): void;
};

/** Elysia answers a wrong method with 404; the contract wants 405 with `Allow`. */
export function knownRoutes(routes: readonly { method: string; path: string }[]): KnownRoutes {
  const methodsOfPath = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    const methods = methodsOfPath.get(path) ?? new Set();
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
    methodsOfPath.set(path, methods);
  }
  const byPath = new Memoirist<Set<string>>();
  for (const [path, methods] of methodsOfPath) byPath.add("any", path, methods);
  return {
    require(method, path) {
      const methods = byPath.find("any", path)?.store;
      if (methods === undefined) throw apiError("NOT_FOUND");
      if (!methods.has(method)) throw apiError("METHOD_NOT_ALLOWED", { allow: [...methods].sort() });
    },
  };
}
