//! Endpoints in the database.

use std::time::Duration;

use http::Method;
use passgate_kit::client::{Description, EndpointName};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::columns::{damaged, from_json, parse_labels, parse_list, to_json};
use super::entity::endpoint::{Column, Entity, Model};
use crate::registry::{Access, Endpoint, EndpointRoute, UpstreamUrl};

/// The endpoint of this name; `None` if there is none.
pub async fn find(db: &impl ConnectionTrait, name: &EndpointName) -> Result<Option<Endpoint>, DbErr> {
    Entity::find_by_id(name.as_str()).one(db).await?.map(Endpoint::try_from).transpose()
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_locked(db: &impl ConnectionTrait, name: &EndpointName) -> Result<Option<Endpoint>, DbErr> {
    Entity::find_by_id(name.as_str()).lock_exclusive().one(db).await?.map(Endpoint::try_from).transpose()
}

/// At most `limit` endpoints in the order of their names, those after `after`.
pub async fn list(db: &impl ConnectionTrait, after: &str, limit: u64) -> Result<Vec<Endpoint>, DbErr> {
    let rows = Entity::find().filter(Column::Name.gt(after)).order_by_asc(Column::Name).limit(limit).all(db).await?;
    rows.into_iter().map(Endpoint::try_from).collect()
}

/// Every endpoint as a route. A row that is damaged is left out, so that it does not take the others with it.
pub async fn routes(db: &impl ConnectionTrait) -> Result<Vec<EndpointRoute>, DbErr> {
    let rows = Entity::find().all(db).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| super::sound(Endpoint::try_from(row)))
        .map(|endpoint| endpoint.route)
        .collect())
}

/// Adds an endpoint. A unique violation if one of this name exists.
pub async fn insert(db: &impl ConnectionTrait, endpoint: &Endpoint) -> Result<(), DbErr> {
    Entity::insert(Model::try_from(endpoint)?.into_active_model()).exec_without_returning(db).await.map(drop)
}

/// Puts an endpoint in the place of the one with its name.
pub async fn replace(db: &impl ConnectionTrait, endpoint: &Endpoint) -> Result<(), DbErr> {
    Model::try_from(endpoint)?.into_active_model().reset_all().update(db).await.map(drop)
}

/// Removes the endpoint of this name, if there is one.
pub async fn delete(db: &impl ConnectionTrait, name: &EndpointName) -> Result<(), DbErr> {
    Entity::delete_by_id(name.as_str()).exec(db).await.map(drop)
}

impl TryFrom<Model> for Endpoint {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        let at = format!("endpoints/{}", row.name);
        let method = |text: &str| Method::from_bytes(text.as_bytes());
        let wrong = |rule: &dyn std::fmt::Display| damaged(&at, rule);
        let timeout = u64::try_from(row.timeout_nanos).map_err(|rule| wrong(&rule))?;
        let max_request_bytes = u64::try_from(row.max_request_bytes).map_err(|rule| wrong(&rule))?;
        let route = EndpointRoute {
            name: EndpointName::parse(&row.name).map_err(|rule| wrong(&rule))?,
            upstream: UpstreamUrl::parse(&row.upstream).map_err(|rule| wrong(&rule))?,
            access: if row.public { Access::Public } else { Access::TokenRequired },
            methods: parse_list(&at, &row.methods, method)?,
            read_methods: parse_list(&at, &row.read_methods, method)?,
            fixed_query: from_json(&at, &row.fixed_query)?,
            timeout: Duration::from_nanos(timeout),
            max_request_bytes: (max_request_bytes > 0).then_some(max_request_bytes),
            enabled: !row.disabled,
        };
        Ok(Self {
            route,
            description: Description::parse(&row.description).map_err(|rule| wrong(&rule))?,
            labels: parse_labels(&at, &row.labels)?,
            create_time: row.create_time,
            update_time: row.update_time,
            revision: u64::try_from(row.revision).map_err(|rule| wrong(&rule))?,
        })
    }
}

impl TryFrom<&Endpoint> for Model {
    type Error = DbErr;

    fn try_from(endpoint: &Endpoint) -> Result<Self, DbErr> {
        let route = &endpoint.route;
        let names = |methods: &[Method]| to_json(&methods.iter().map(Method::as_str).collect::<Vec<_>>());
        Ok(Self {
            name: route.name.to_string(),
            description: endpoint.description.to_string(),
            labels: to_json(endpoint.labels.as_map())?,
            upstream: route.upstream.to_string(),
            public: route.access == Access::Public,
            methods: names(&route.methods)?,
            read_methods: names(&route.read_methods)?,
            fixed_query: to_json(&route.fixed_query)?,
            timeout_nanos: i64::try_from(route.timeout.as_nanos()).unwrap_or(i64::MAX),
            max_request_bytes: i64::try_from(route.max_request_bytes.unwrap_or(0)).unwrap_or(i64::MAX),
            disabled: !route.enabled,
            create_time: endpoint.create_time,
            update_time: endpoint.update_time,
            revision: i64::try_from(endpoint.revision).unwrap_or(i64::MAX),
        })
    }
}
