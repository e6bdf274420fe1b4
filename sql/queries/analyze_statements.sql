-- What gives the planner its numbers in a database that was filled just now.
select 'analyze' as statement;
