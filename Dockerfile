# Build:  docker build -t unstale .
# Run:    docker run -v "$PWD/gateway.yaml:/etc/unstale/gateway.yaml:ro" -p 8080:8080 unstale
# In a container the gateway must listen on more than loopback: `server: { listen: 0.0.0.0:8080 }`.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

FROM node:24-slim
# Node as process 1 would get no default signal handling and reap no children.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
# Where the admin port answers, as configured by `admin.listen`.
ENV UNSTALE_LIVEZ=http://127.0.0.1:9090/livez
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY rules ./rules
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.UNSTALE_LIVEZ).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "node", "dist/cli/main.js"]
CMD ["serve", "-c", "/etc/unstale/gateway.yaml"]
