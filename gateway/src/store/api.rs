//! Registered APIs in the database.

use passgate_kit::client::{Description, MethodName, ServiceName};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::columns::{damaged, parse_labels, parse_list, to_json};
use super::entity::api::{Column, Entity, Model};
use crate::registry::{Api, ApiRoute, UpstreamUrl};

/// The API of this name; `None` if there is none.
pub async fn find(db: &impl ConnectionTrait, name: &ServiceName) -> Result<Option<Api>, DbErr> {
    Entity::find_by_id(name.as_str()).one(db).await?.map(Api::try_from).transpose()
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_locked(db: &impl ConnectionTrait, name: &ServiceName) -> Result<Option<Api>, DbErr> {
    Entity::find_by_id(name.as_str()).lock_exclusive().one(db).await?.map(Api::try_from).transpose()
}

/// At most `limit` APIs in the order of their names, those after `after`.
pub async fn list(db: &impl ConnectionTrait, after: &str, limit: u64) -> Result<Vec<Api>, DbErr> {
    let rows = Entity::find().filter(Column::Name.gt(after)).order_by_asc(Column::Name).limit(limit).all(db).await?;
    rows.into_iter().map(Api::try_from).collect()
}

/// Every API as a route. A row that is damaged is left out, so that it does not take the others with it.
pub async fn routes(db: &impl ConnectionTrait) -> Result<Vec<ApiRoute>, DbErr> {
    let rows = Entity::find().all(db).await?;
    Ok(rows.into_iter().filter_map(|row| super::sound(Api::try_from(row))).map(ApiRoute::from).collect())
}

/// Adds an API. A unique violation if one of this name exists.
pub async fn insert(db: &impl ConnectionTrait, api: &Api) -> Result<(), DbErr> {
    Entity::insert(Model::try_from(api)?.into_active_model()).exec_without_returning(db).await.map(drop)
}

/// Puts an API in the place of the one with its name.
pub async fn replace(db: &impl ConnectionTrait, api: &Api) -> Result<(), DbErr> {
    Model::try_from(api)?.into_active_model().reset_all().update(db).await.map(drop)
}

/// Removes the API of this name, if there is one.
pub async fn delete(db: &impl ConnectionTrait, name: &ServiceName) -> Result<(), DbErr> {
    Entity::delete_by_id(name.as_str()).exec(db).await.map(drop)
}

impl TryFrom<Model> for Api {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        let at = format!("apis/{}", row.name);
        let wrong = |rule: &dyn std::fmt::Display| damaged(&at, rule);
        Ok(Self {
            name: ServiceName::parse(&row.name).map_err(|rule| wrong(&rule))?,
            upstream: UpstreamUrl::parse_origin(&row.upstream).map_err(|rule| wrong(&rule))?,
            read_methods: parse_list(&at, &row.read_methods, MethodName::parse)?,
            description: Description::parse(&row.description).map_err(|rule| wrong(&rule))?,
            labels: parse_labels(&at, &row.labels)?,
            create_time: row.create_time,
            update_time: row.update_time,
            revision: u64::try_from(row.revision).map_err(|rule| wrong(&rule))?,
        })
    }
}

impl TryFrom<&Api> for Model {
    type Error = DbErr;

    fn try_from(api: &Api) -> Result<Self, DbErr> {
        Ok(Self {
            name: api.name.to_string(),
            description: api.description.to_string(),
            labels: to_json(api.labels.as_map())?,
            upstream: api.upstream.to_string(),
            read_methods: to_json(&api.read_methods.iter().map(MethodName::as_str).collect::<Vec<_>>())?,
            create_time: api.create_time,
            update_time: api.update_time,
            revision: i64::try_from(api.revision).unwrap_or(i64::MAX),
        })
    }
}
